import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Answers wait for a subscriber that is late","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-hold-answers-for-late-subscribers.md","filePath":"docs/decisions/2026-11-28-hold-answers-for-late-subscribers.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-hold-answers-for-late-subscribers.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="answers-wait-for-a-subscriber-that-is-late" tabindex="-1">Answers wait for a subscriber that is late <a class="header-anchor" href="#answers-wait-for-a-subscriber-that-is-late" aria-label="Permalink to &quot;Answers wait for a subscriber that is late&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> pylm&#39;s <code>eval</code> subscribes and pushes at once over two new connections, and lost every second answer.</p><p><strong>Decision.</strong> XPUB tells who is subscribed, so an answer to a topic without subscribers waits for a second (<code>HeldDeliveries</code>), and what comes later waits behind it. Clients that set <code>batches</code> have their subscription proved, and cost nothing here.</p><p><strong>Consequence.</strong> pylm&#39;s client uses one topic for all its calls: results that a job did not wait for may be read by its next call, as under pylm.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-hold-answers-for-late-subscribers.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128HoldAnswersForLateSubscribers = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128HoldAnswersForLateSubscribers as default
};
