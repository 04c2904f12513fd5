import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A result is the message with another payload","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-result-is-the-message.md","filePath":"docs/decisions/2026-11-28-result-is-the-message.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-result-is-the-message.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-result-is-the-message-with-another-payload" tabindex="-1">A result is the message with another payload <a class="header-anchor" href="#a-result-is-the-message-with-another-payload" aria-label="Permalink to &quot;A result is the message with another payload&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A worker that could name the function or the client of its result could have the next server run what nobody granted.</p><p><strong>Decision.</strong> <code>WorkerResults</code> compares bytes: where head and tail are those of the message, the frame is passed on as it came, in a quarter of a microsecond. Any other is made anew. Bytes and not fields, because another reader may see other fields in unusual bytes. For pushed work <code>PushedCalls</code> remembers which calls were pushed.</p><p><strong>Consequence.</strong> A frond Master that was started anew knows none: it drops results of what was pushed before.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-result-is-the-message.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128ResultIsTheMessage = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128ResultIsTheMessage as default
};
