import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A worker wrongly taken for dead does no harm","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-wrongly-dead-is-harmless.md","filePath":"docs/decisions/2026-11-25-wrongly-dead-is-harmless.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-wrongly-dead-is-harmless.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-worker-wrongly-taken-for-dead-does-no-harm" tabindex="-1">A worker wrongly taken for dead does no harm <a class="header-anchor" href="#a-worker-wrongly-taken-for-dead-does-no-harm" aria-label="Permalink to &quot;A worker wrongly taken for dead does no harm&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Throwing away the answer of a worker that was cut off for a moment would have the message run for ever where that happens often.</p><p><strong>Decision.</strong> The first run of a message that ends counts. Results of several runs are counted for each run, and the n-th passes once.</p><p><strong>Consequence.</strong> A second run must give the same results. Holding them until the message is done would do without that, but a generator could not stream, and the Master would hold it all.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-wrongly-dead-is-harmless.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125WronglyDeadIsHarmless = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125WronglyDeadIsHarmless as default
};
