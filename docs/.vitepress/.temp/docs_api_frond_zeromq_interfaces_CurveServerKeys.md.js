import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: CurveServerKeys","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/zeromq/interfaces/CurveServerKeys.md","filePath":"docs/api/frond/zeromq/interfaces/CurveServerKeys.md"}');
const _sfc_main = { name: "docs/api/frond/zeromq/interfaces/CurveServerKeys.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-curveserverkeys" tabindex="-1">Interface: CurveServerKeys <a class="header-anchor" href="#interface-curveserverkeys" aria-label="Permalink to &quot;Interface: CurveServerKeys&quot;">​</a></h1><p>What encrypts the bound side, and says who may connect to it.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><h3 id="allow" tabindex="-1">allow? <a class="header-anchor" href="#allow" aria-label="Permalink to &quot;allow?&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly allow</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">?:</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;"> readonly string[] </span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">|</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;"> AllowKey;</span></span></code></pre></div><p>Public keys of the clients that may connect, or a function that is asked for each. <strong>Without it any client that knows the server&#39;s public key may connect</strong>, with a pair of keys that it made itself: CURVE then encrypts, and keeps nobody out.</p><p>A key is checked in each handshake, also when a client reconnects. Connections that exist stay when a key is taken away; close the server to end them. A list is copied when the transport is made. A function that throws, rejects, gives anything but <code>true</code>, or takes longer than 5 s refuses. The client learns of it as <code>FORBIDDEN</code>; the server&#39;s connection reports <code>refused</code> in its status.</p><hr><h3 id="secretkey" tabindex="-1">secretKey <a class="header-anchor" href="#secretkey" aria-label="Permalink to &quot;secretKey&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly </span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;">secretKey</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">: string;</span></span></code></pre></div><p>Secret key of this side. Clients have the matching public key as <code>curve.serverKey</code>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/zeromq/interfaces/CurveServerKeys.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const CurveServerKeys = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  CurveServerKeys as default
};
