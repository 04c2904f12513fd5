import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Tokens","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/relay/interfaces/Tokens.md","filePath":"docs/api/frond/relay/interfaces/Tokens.md"}');
const _sfc_main = { name: "docs/api/frond/relay/interfaces/Tokens.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-tokens" tabindex="-1">Interface: Tokens <a class="header-anchor" href="#interface-tokens" aria-label="Permalink to &quot;Interface: Tokens&quot;">​</a></h1><p>Tokens, and who bears them.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><h3 id="authenticate" tabindex="-1">authenticate <a class="header-anchor" href="#authenticate" aria-label="Permalink to &quot;authenticate&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly </span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;">authenticate</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">: Authenticate;</span></span></code></pre></div><p>Knows a token that is among them and not over; everything else is nobody&#39;s.</p><hr><h3 id="identities" tabindex="-1">identities <a class="header-anchor" href="#identities" aria-label="Permalink to &quot;identities&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly </span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;">identities</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">: readonly RelayIdentity[];</span></span></code></pre></div><p>Everybody who has a token, those too whose token is over.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/relay/interfaces/Tokens.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Tokens = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Tokens as default
};
