import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A stock pylm server gets only listed functions","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-pylm-gets-listed-functions.md","filePath":"docs/decisions/2026-11-25-pylm-gets-listed-functions.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-pylm-gets-listed-functions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-stock-pylm-server-gets-only-listed-functions" tabindex="-1">A stock pylm server gets only listed functions <a class="header-anchor" href="#a-stock-pylm-server-gets-only-listed-functions" aria-label="Permalink to &quot;A stock pylm server gets only listed functions&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> One wrong name stops it for everybody.</p><p><strong>Decision.</strong> Its functions are listed in the relay&#39;s configuration, and nothing else passes. Deletions are looked up first, one after another.</p><p><strong>Consequence.</strong> A stock server behind a relay stays up.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-pylm-gets-listed-functions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125PylmGetsListedFunctions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125PylmGetsListedFunctions as default
};
