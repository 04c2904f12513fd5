import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"An input keeps its number through a break","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-map-keeps-its-number.md","filePath":"docs/decisions/2026-11-25-map-keeps-its-number.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-map-keeps-its-number.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="an-input-keeps-its-number-through-a-break" tabindex="-1">An input keeps its number through a break <a class="header-anchor" href="#an-input-keeps-its-number-through-a-break" aria-label="Permalink to &quot;An input keeps its number through a break&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> An answer to an attempt that was given up may still come.</p><p><strong>Decision.</strong> The number stays the input&#39;s. The first answer counts, whichever attempt it is of.</p><p><strong>Consequence.</strong> Late answers are not wasted.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-map-keeps-its-number.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125MapKeepsItsNumber = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125MapKeepsItsNumber as default
};
