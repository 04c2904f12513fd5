import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"512 requests are under way at most","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-requests-under-way.md","filePath":"docs/decisions/2026-11-25-requests-under-way.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-requests-under-way.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="_512-requests-are-under-way-at-most" tabindex="-1">512 requests are under way at most <a class="header-anchor" href="#_512-requests-are-under-way-at-most" aria-label="Permalink to &quot;512 requests are under way at most&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A REP drops replies past its high-water mark without a word: 30,000 pipelined sets lost some.</p><p><strong>Decision.</strong> No more than 512 requests are under way to one address.</p><p><strong>Consequence.</strong> The next request waits.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-requests-under-way.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125RequestsUnderWay = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125RequestsUnderWay as default
};
