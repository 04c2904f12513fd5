import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Workers hold at most four times maxWaiting","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-workers-hold-four-times.md","filePath":"docs/decisions/2026-11-28-workers-hold-four-times.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-workers-hold-four-times.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="workers-hold-at-most-four-times-maxwaiting" tabindex="-1">Workers hold at most four times <code>maxWaiting</code> <a class="header-anchor" href="#workers-hold-at-most-four-times-maxwaiting" aria-label="Permalink to &quot;Workers hold at most four times \`maxWaiting\`&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A worker that asks and ends nothing would be given everything that can be read.</p><p><strong>Decision.</strong> The bound includes the answers that are kept for workers in case a break took those.</p><p><strong>Consequence.</strong> Raise <code>maxWaiting</code> where messages are tens of megabytes.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-workers-hold-four-times.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128WorkersHoldFourTimes = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128WorkersHoldFourTimes as default
};
