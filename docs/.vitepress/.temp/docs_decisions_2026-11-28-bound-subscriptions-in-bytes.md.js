import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Subscriptions are bounded in bytes of topics","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-bound-subscriptions-in-bytes.md","filePath":"docs/decisions/2026-11-28-bound-subscriptions-in-bytes.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-bound-subscriptions-in-bytes.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="subscriptions-are-bounded-in-bytes-of-topics" tabindex="-1">Subscriptions are bounded in bytes of topics <a class="header-anchor" href="#subscriptions-are-bounded-in-bytes-of-topics" aria-label="Permalink to &quot;Subscriptions are bounded in bytes of topics&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> libzmq keeps each byte of a topic in a node of 48 bytes. One topic of 20 MiB took 2.3 GiB, a million short ones 1 GiB. It does not tell whose topics they are, counts topics that went with their connection, and reports too many ends.</p><p><strong>Decision.</strong> A frame of a subscriber has at most 1,152 bytes. When all topics together pass 256 KiB, the address is unbound, which ends all connections, and bound again. libzmq is given two subscriptions of a peer at a time, so that nothing is silent while it reads them. <code>HeldTopics</code> takes neither of its counts at its word.</p><p><strong>Consequence.</strong> A flood of topics costs all peers a reconnection, and no memory.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-bound-subscriptions-in-bytes.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128BoundSubscriptionsInBytes = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128BoundSubscriptionsInBytes as default
};
