import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A role runs one call after another","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-one-call-after-another.md","filePath":"docs/decisions/2026-11-25-one-call-after-another.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-one-call-after-another.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-role-runs-one-call-after-another" tabindex="-1">A role runs one call after another <a class="header-anchor" href="#a-role-runs-one-call-after-another" aria-label="Permalink to &quot;A role runs one call after another&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> pylm&#39;s results keep the order of calls.</p><p><strong>Decision.</strong> A role does too, unless <code>concurrency</code> says otherwise. Results of functions that answer at once travel in batches.</p><p><strong>Consequence.</strong> What is finished never waits for a function that takes its time.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-one-call-after-another.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125OneCallAfterAnother = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125OneCallAfterAnother as default
};
