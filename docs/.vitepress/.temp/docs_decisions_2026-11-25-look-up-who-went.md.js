import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A route is tried to see who went","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-look-up-who-went.md","filePath":"docs/decisions/2026-11-25-look-up-who-went.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-look-up-who-went.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-route-is-tried-to-see-who-went" tabindex="-1">A route is tried to see who went <a class="header-anchor" href="#a-route-is-tried-to-see-who-went" aria-label="Permalink to &quot;A route is tried to see who went&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A ROUTER&#39;s monitor says that a peer went, not which.</p><p><strong>Decision.</strong> <code>RouteWatch</code> sends each watched peer an empty part, which REQ and DEALER pass over. A message to a route that is not there is refused when ZMQ_ROUTER_MANDATORY is set. It is set for that one send, with no time-out, or one client that does not read would hold up all others.</p><p><strong>Consequence.</strong> The transport contract has this as <code>RequestOrigin.onGone</code>. Behind a relay the peer is the relay, which speaks for its clients.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-look-up-who-went.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125LookUpWhoWent = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125LookUpWhoWent as default
};
