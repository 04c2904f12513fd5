import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Calls through a relay wait for room for their answers","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-26-room-for-answers.md","filePath":"docs/decisions/2026-11-26-room-for-answers.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-26-room-for-answers.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="calls-through-a-relay-wait-for-room-for-their-answers" tabindex="-1">Calls through a relay wait for room for their answers <a class="header-anchor" href="#calls-through-a-relay-wait-for-room-for-their-answers" aria-label="Permalink to &quot;Calls through a relay wait for room for their answers&quot;">​</a></h1><p>2026-11-26</p><p><strong>Context.</strong> Credit bounds what a client sends, but answers may be a thousand times as large. A job with 64 KiB results over 5 MB/s had 16 MiB waiting within a second, and its client was closed as too slow although it did nothing wrong.</p><p><strong>Decision.</strong> <code>AnswerBudget</code> counts what is out by how large the last answers were. <code>MemoryBudget</code> bounds the sum for all clients.</p><p><strong>Consequence.</strong> It learns from answers alone. A function that gives little now and much in the same burst, or a generator, can still be too much.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-26-room-for-answers.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261126RoomForAnswers = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261126RoomForAnswers as default
};
