import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: BatchSource<T>","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/transport/interfaces/BatchSource.md","filePath":"docs/api/frond/transport/interfaces/BatchSource.md"}');
const _sfc_main = { name: "docs/api/frond/transport/interfaces/BatchSource.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-batchsource-t" tabindex="-1">Interface: BatchSource&lt;T&gt; <a class="header-anchor" href="#interface-batchsource-t" aria-label="Permalink to &quot;Interface: BatchSource\\&lt;T\\&gt;&quot;">​</a></h1><p>What arrived, handed over as it piled up: one promise for a batch, not for a frame. Each array is the reader&#39;s own; frames are not to be changed, since others may have the same, or a part of the same buffer. Ends when closed.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./BoundPull"><code>BoundPull</code></a></li><li><a href="./Puller"><code>Puller</code></a></li><li><a href="./Subscription"><code>Subscription</code></a></li></ul><h2 id="type-parameters" tabindex="-1">Type Parameters <a class="header-anchor" href="#type-parameters" aria-label="Permalink to &quot;Type Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th>Type Parameter</th></tr></thead><tbody><tr><td><a id="type-parameter-t"></a> <code>T</code></td></tr></tbody></table><h2 id="methods" tabindex="-1">Methods <a class="header-anchor" href="#methods" aria-label="Permalink to &quot;Methods&quot;">​</a></h2><h3 id="asynciterator" tabindex="-1">[asyncIterator]() <a class="header-anchor" href="#asynciterator" aria-label="Permalink to &quot;\\[asyncIterator\\]()&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">[asyncIterator](): AsyncIterator</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">&lt;</span><span style="--shiki-light:#005CC5;--shiki-dark:#79B8FF;">T</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">[], </span><span style="--shiki-light:#005CC5;--shiki-dark:#79B8FF;">undefined</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">&gt;</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">;</span></span></code></pre></div><h4 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h4><p><code>AsyncIterator</code>&lt;<code>T</code>[], <code>undefined</code>&gt;</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/transport/interfaces/BatchSource.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const BatchSource = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  BatchSource as default
};
