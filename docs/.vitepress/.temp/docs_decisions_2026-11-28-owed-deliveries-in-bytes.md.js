import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A slow subscriber is owed bytes, not messages","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-owed-deliveries-in-bytes.md","filePath":"docs/decisions/2026-11-28-owed-deliveries-in-bytes.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-owed-deliveries-in-bytes.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-slow-subscriber-is-owed-bytes-not-messages" tabindex="-1">A slow subscriber is owed bytes, not messages <a class="header-anchor" href="#a-slow-subscriber-is-owed-bytes-not-messages" aria-label="Permalink to &quot;A slow subscriber is owed bytes, not messages&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> libzmq counts messages, and drops past its mark without a word. A mark that follows the size of messages was tried: changing it can leave a link still for good.</p><p><strong>Decision.</strong> The mark is pylm&#39;s, 1,000. With <code>ZMQ_XPUB_NODROP</code> and no time to wait, libzmq says at once when a subscriber takes no more. <code>OwedDeliveries</code> keeps what it is owed, and tries again after up to 16 ms, because libzmq does not report room. Past <code>maxOwed</code> the newest are dropped, counted and logged with the topic.</p><p><strong>Consequence.</strong> NODROP asks all subscribers of a topic, so one that takes nothing could hold up others. A subscriber to everything is found by a delivery that goes to nobody else, and is passed over. Of several connections of one client a dead one is passed over after a second. Servers that share a topic wait for the slowest until its budget is used up.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-owed-deliveries-in-bytes.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128OwedDeliveriesInBytes = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128OwedDeliveriesInBytes as default
};
