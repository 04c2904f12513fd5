import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"One listener for the upgrades of an HTTP server","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-one-listener-for-upgrades.md","filePath":"docs/decisions/2026-11-28-one-listener-for-upgrades.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-one-listener-for-upgrades.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="one-listener-for-the-upgrades-of-an-http-server" tabindex="-1">One listener for the upgrades of an HTTP server <a class="header-anchor" href="#one-listener-for-the-upgrades-of-an-http-server" aria-label="Permalink to &quot;One listener for the upgrades of an HTTP server&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Node takes its own listener for errors off a socket before <code>upgrade</code>, so a reset of one that nobody has taken ended the process. With a listener for each relay none knew whether another would answer.</p><p><strong>Decision.</strong> <code>Upgrades</code> is shared by all relays on a server. A symbol on the listener finds it, so nothing is kept in a module.</p><p><strong>Consequence.</strong> Where the owner has listeners, too, a socket is answered only when nobody has read, written or ended it within <code>greetingTimeout</code>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-one-listener-for-upgrades.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128OneListenerForUpgrades = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128OneListenerForUpgrades as default
};
