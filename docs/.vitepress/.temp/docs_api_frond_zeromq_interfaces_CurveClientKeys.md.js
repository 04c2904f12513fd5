import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: CurveClientKeys","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/zeromq/interfaces/CurveClientKeys.md","filePath":"docs/api/frond/zeromq/interfaces/CurveClientKeys.md"}');
const _sfc_main = { name: "docs/api/frond/zeromq/interfaces/CurveClientKeys.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-curveclientkeys" tabindex="-1">Interface: CurveClientKeys <a class="header-anchor" href="#interface-curveclientkeys" aria-label="Permalink to &quot;Interface: CurveClientKeys&quot;">​</a></h1><p>Keys of CURVE, ZeroMQ&#39;s encryption, each 40 characters of Z85 as <code>zeromq.curveKeyPair()</code> gives them.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><h3 id="publickey" tabindex="-1">publicKey? <a class="header-anchor" href="#publickey" aria-label="Permalink to &quot;publicKey?&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly publicKey</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">?:</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;"> string;</span></span></code></pre></div><p>This side&#39;s own pair. Left out, a fresh one is made for each connection.</p><hr><h3 id="secretkey" tabindex="-1">secretKey? <a class="header-anchor" href="#secretkey" aria-label="Permalink to &quot;secretKey?&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly secretKey</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">?:</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;"> string;</span></span></code></pre></div><hr><h3 id="serverkey" tabindex="-1">serverKey <a class="header-anchor" href="#serverkey" aria-label="Permalink to &quot;serverKey&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly </span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;">serverKey</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">: string;</span></span></code></pre></div><p>Public key of the servers that are dialled.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/zeromq/interfaces/CurveClientKeys.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const CurveClientKeys = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  CurveClientKeys as default
};
