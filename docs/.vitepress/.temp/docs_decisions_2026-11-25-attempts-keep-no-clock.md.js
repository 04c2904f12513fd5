import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"The states of a map's attempts keep no clock","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-attempts-keep-no-clock.md","filePath":"docs/decisions/2026-11-25-attempts-keep-no-clock.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-25-attempts-keep-no-clock.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-states-of-a-map-s-attempts-keep-no-clock" tabindex="-1">The states of a map&#39;s attempts keep no clock <a class="header-anchor" href="#the-states-of-a-map-s-attempts-keep-no-clock" aria-label="Permalink to &quot;The states of a map&#39;s attempts keep no clock&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Time in a state machine cannot be tested well.</p><p><strong>Decision.</strong> <code>Attempts</code> is told the time. All attempts of a map have the same time-out, so the oldest is the first that is overdue: one timer for all. What is to be tried again waits in a heap.</p><p><strong>Consequence.</strong> A property test holds it to a plain model.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-attempts-keep-no-clock.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125AttemptsKeepNoClock = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125AttemptsKeepNoClock as default
};
