import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A failed input ends a job after the results of what was sent","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-failed-input-ends-a-job-last.md","filePath":"docs/decisions/2026-11-25-failed-input-ends-a-job-last.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-failed-input-ends-a-job-last.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-failed-input-ends-a-job-after-the-results-of-what-was-sent" tabindex="-1">A failed input ends a job after the results of what was sent <a class="header-anchor" href="#a-failed-input-ends-a-job-after-the-results-of-what-was-sent" aria-label="Permalink to &quot;A failed input ends a job after the results of what was sent&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> &quot;Lost nothing&quot; counts for those results, too.</p><p><strong>Decision.</strong> They are waited for until as many came as were sent, or nothing came for the client&#39;s time-out.</p><p><strong>Consequence.</strong> The failure comes last.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-failed-input-ends-a-job-last.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125FailedInputEndsAJobLast = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125FailedInputEndsAJobLast as default
};
