import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"An attempt's time begins when it is ready to be sent","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-attempt-time-begins-when-ready.md","filePath":"docs/decisions/2026-11-25-attempt-time-begins-when-ready.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-25-attempt-time-begins-when-ready.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="an-attempt-s-time-begins-when-it-is-ready-to-be-sent" tabindex="-1">An attempt&#39;s time begins when it is ready to be sent <a class="header-anchor" href="#an-attempt-s-time-begins-when-it-is-ready-to-be-sent" aria-label="Permalink to &quot;An attempt&#39;s time begins when it is ready to be sent&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A link that never gets ready must end an attempt, and a slow queue must not.</p><p><strong>Decision.</strong> The time begins when the attempt could be sent. Without a <code>timeout</code> of its own any answer begins it anew.</p><p><strong>Consequence.</strong> A thousand inputs in the queue of two slow workers are not a failure. A cluster that has stopped answering is.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-attempt-time-begins-when-ready.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125AttemptTimeBeginsWhenReady = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125AttemptTimeBeginsWhenReady as default
};
