import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: SubscribeOptions","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/transport/interfaces/SubscribeOptions.md","filePath":"docs/api/frond/transport/interfaces/SubscribeOptions.md"}');
const _sfc_main = { name: "docs/api/frond/transport/interfaces/SubscribeOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-subscribeoptions" tabindex="-1">Interface: SubscribeOptions <a class="header-anchor" href="#interface-subscribeoptions" aria-label="Permalink to &quot;Interface: SubscribeOptions&quot;">​</a></h1><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><h3 id="maxunread" tabindex="-1">maxUnread? <a class="header-anchor" href="#maxunread" aria-label="Permalink to &quot;maxUnread?&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly maxUnread</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">?:</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;"> number;</span></span></code></pre></div><p>A hint: messages that may wait for their reader in buffers of the transport&#39;s own. What is beyond them waits with the publisher, or is lost, as it is with any reader that is too slow. Default: many, so that a reader may be busy for a moment.</p><hr><h3 id="prooftimeout" tabindex="-1">proofTimeout? <a class="header-anchor" href="#prooftimeout" aria-label="Permalink to &quot;proofTimeout?&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">readonly proofTimeout</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">?:</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;"> number;</span></span></code></pre></div><p>A hint: milliseconds after the handshake that the publisher has to confirm the subscription. One that does not is taken for one that cannot, as pylm&#39;s, and the subscription for arrived. Default: as little as the transport needs.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/transport/interfaces/SubscribeOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const SubscribeOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  SubscribeOptions as default
};
