import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"One subscription, proved","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-one-proved-subscription.md","filePath":"docs/decisions/2026-11-25-one-proved-subscription.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-one-proved-subscription.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="one-subscription-proved" tabindex="-1">One subscription, proved <a class="header-anchor" href="#one-subscription-proved" aria-label="Permalink to &quot;One subscription, proved&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> An answer that is published before the subscription has arrived is lost.</p><p><strong>Decision.</strong> A client waits until a frond server confirms its one subscription. With pylm, which cannot confirm it, the margin grows with the duration of the handshake.</p><p><strong>Consequence.</strong> Slow links get more time. See <a href="./../protocol/palm#when-a-subscription-is-ready">when a subscription is ready</a>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-one-proved-subscription.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125OneProvedSubscription = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125OneProvedSubscription as default
};
