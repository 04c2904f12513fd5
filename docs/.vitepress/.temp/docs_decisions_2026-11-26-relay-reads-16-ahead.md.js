import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"The relay's subscription holds 16 messages","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-26-relay-reads-16-ahead.md","filePath":"docs/decisions/2026-11-26-relay-reads-16-ahead.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-26-relay-reads-16-ahead.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-relay-s-subscription-holds-16-messages" tabindex="-1">The relay&#39;s subscription holds 16 messages <a class="header-anchor" href="#the-relay-s-subscription-holds-16-messages" aria-label="Permalink to &quot;The relay&#39;s subscription holds 16 messages&quot;">​</a></h1><p>2026-11-26</p><p><strong>Context.</strong> A server in a hurry is faster than any reader, and what is for one client lies in front of what is for the others. With a client&#39;s mark of 100,000, 500 MB of results for a peer that reads nothing made the relay grow by 43 to 219 MiB.</p><p><strong>Decision.</strong> The relay holds 16. The rest waits with the publisher, which keeps 256 MiB for each subscriber.</p><p><strong>Consequence.</strong> That is four times the answers that a relay has under way at a server. Only a function that yields without a pause to a slow reader gets there.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-26-relay-reads-16-ahead.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261126RelayReads16Ahead = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261126RelayReads16Ahead as default
};
