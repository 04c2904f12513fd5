import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Frames are shared, payloads are copied once","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-frames-are-shared.md","filePath":"docs/decisions/2026-11-28-frames-are-shared.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-frames-are-shared.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="frames-are-shared-payloads-are-copied-once" tabindex="-1">Frames are shared, payloads are copied once <a class="header-anchor" href="#frames-are-shared-payloads-are-copied-once" aria-label="Permalink to &quot;Frames are shared, payloads are copied once&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Copies cost time, and shared memory that a user changes breaks others.</p><p><strong>Decision.</strong> Nobody changes a frame that was sent, so several readers may have the same one, and the memory transport copies none. A payload is copied once, where it is cut out of its frame for a caller or a function (<code>decode(frame, true)</code>). What waits before it is encoded (an eval for its turn, an input of a map) is copied before it waits.</p><p><strong>Consequence.</strong> Users own the bytes they get. Up to 64 bytes the copy takes no longer than a view. Roles that pass frames on do without it.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-frames-are-shared.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128FramesAreShared = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128FramesAreShared as default
};
