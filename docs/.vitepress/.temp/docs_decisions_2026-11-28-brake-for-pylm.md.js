import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"At most 500 messages are on their way through pylm","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-brake-for-pylm.md","filePath":"docs/decisions/2026-11-28-brake-for-pylm.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-brake-for-pylm.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="at-most-500-messages-are-on-their-way-through-pylm" tabindex="-1">At most 500 messages are on their way through pylm <a class="header-anchor" href="#at-most-500-messages-are-on-their-way-through-pylm" aria-label="Permalink to &quot;At most 500 messages are on their way through pylm&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A stock server drops results past 1,000 waiting. The client cannot see who is within a pipeline, and must not wait for an answer to each input, because a pipeline may drop them.</p><p><strong>Decision.</strong> <code>FlowLimit</code> keeps the messages on their way at 500, unless calls go to a frond server that has proved the subscription and the answers come from the same one. Then it is 8,192.</p><p><strong>Consequence.</strong> After a stall, judged by the usual gap between answers, what is out no longer counts.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-brake-for-pylm.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128BrakeForPylm = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128BrakeForPylm as default
};
