import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Only a Pipeline or Sink may end a message","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-no-result-ends-only-downstream.md","filePath":"docs/decisions/2026-11-25-no-result-ends-only-downstream.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-no-result-ends-only-downstream.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="only-a-pipeline-or-sink-may-end-a-message" tabindex="-1">Only a Pipeline or Sink may end a message <a class="header-anchor" href="#only-a-pipeline-or-sink-may-end-a-message" aria-label="Permalink to &quot;Only a Pipeline or Sink may end a message&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> In a Server or Worker the caller waits for an answer. pylm dies of a function that gives nothing.</p><p><strong>Decision.</strong> There it is a failure, <code>NoResult</code>. An empty list and a generator that yields nothing are no result, too.</p><p><strong>Consequence.</strong> Every call gets an answer.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-no-result-ends-only-downstream.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125NoResultEndsOnlyDownstream = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125NoResultEndsOnlyDownstream as default
};
