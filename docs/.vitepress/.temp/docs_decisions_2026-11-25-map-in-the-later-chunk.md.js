import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"map checks its other options at the first read","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-map-in-the-later-chunk.md","filePath":"docs/decisions/2026-11-25-map-in-the-later-chunk.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-map-in-the-later-chunk.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="map-checks-its-other-options-at-the-first-read" tabindex="-1"><code>map</code> checks its other options at the first read <a class="header-anchor" href="#map-checks-its-other-options-at-the-first-read" aria-label="Permalink to &quot;\`map\` checks its other options at the first read&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Most pages never use <code>map</code>.</p><p><strong>Decision.</strong> Its code is loaded by the first read. Path and input are checked at the call.</p><p><strong>Consequence.</strong> A page&#39;s limit is measured without what Vite adds to any application that loads chunks.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-map-in-the-later-chunk.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125MapInTheLaterChunk = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125MapInTheLaterChunk as default
};
