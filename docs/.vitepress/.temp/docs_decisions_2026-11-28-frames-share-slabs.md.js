import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Frames share slabs","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-frames-share-slabs.md","filePath":"docs/decisions/2026-11-28-frames-share-slabs.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-frames-share-slabs.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="frames-share-slabs" tabindex="-1">Frames share slabs <a class="header-anchor" href="#frames-share-slabs" aria-label="Permalink to &quot;Frames share slabs&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A buffer for each small frame costs more than encoding it.</p><p><strong>Decision.</strong> Small frames are cut from a <code>Slab</code>.</p><p><strong>Consequence.</strong> A payload is copied where it is cut out for a user, so users never get part of a slab.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-frames-share-slabs.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128FramesShareSlabs = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128FramesShareSlabs as default
};
