import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A stream of single messages waits a millisecond for company","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-moderate-wake-ups.md","filePath":"docs/decisions/2026-11-25-moderate-wake-ups.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-moderate-wake-ups.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-stream-of-single-messages-waits-a-millisecond-for-company" tabindex="-1">A stream of single messages waits a millisecond for company <a class="header-anchor" href="#a-stream-of-single-messages-waits-a-millisecond-for-company" aria-label="Permalink to &quot;A stream of single messages waits a millisecond for company&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A server that publishes one message at a time wakes the event loop for each, which costs several times what reading it does.</p><p><strong>Decision.</strong> In such a stream <code>WakeUpModeration</code> has each turn wait a millisecond, and unlearns it when that brings nothing.</p><p><strong>Consequence.</strong> Calls one after another do not wait.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-moderate-wake-ups.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125ModerateWakeUps = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125ModerateWakeUps as default
};
