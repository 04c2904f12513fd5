import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The caller is told of the first failure","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-first-failure-is-told.md","filePath":"docs/decisions/2026-11-25-first-failure-is-told.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-first-failure-is-told.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-caller-is-told-of-the-first-failure" tabindex="-1">The caller is told of the first failure <a class="header-anchor" href="#the-caller-is-told-of-the-first-failure" aria-label="Permalink to &quot;The caller is told of the first failure&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A function can do nothing sensible with a <code>0</code>.</p><p><strong>Decision.</strong> The failure travels with the message through later servers, and a frond client&#39;s message that has failed is not run again. A pylm client sees what it always saw.</p><p><strong>Consequence.</strong> A caller that listens before the end of a pipeline is told there as well (<code>PipelineNews</code>), because the server cannot see who listens.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-first-failure-is-told.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125FirstFailureIsTold = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125FirstFailureIsTold as default
};
