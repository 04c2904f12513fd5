import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"request gives { reply, cancel } and takes no signal","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-request-takes-no-signal.md","filePath":"docs/decisions/2026-11-25-request-takes-no-signal.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-request-takes-no-signal.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="request-gives-reply-cancel-and-takes-no-signal" tabindex="-1"><code>request</code> gives <code>{ reply, cancel }</code> and takes no signal <a class="header-anchor" href="#request-gives-reply-cancel-and-takes-no-signal" aria-label="Permalink to &quot;\`request\` gives \`{ reply, cancel }\` and takes no signal&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> An <code>AbortController</code> for each cache call cost more than the rest of the call.</p><p><strong>Decision.</strong> <code>request</code> has no signal. Clients watch signals and timers themselves, with one listener for each signal however many calls share it.</p><p><strong>Consequence.</strong> Cancelling is a method, and cheap.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-request-takes-no-signal.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125RequestTakesNoSignal = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125RequestTakesNoSignal as default
};
