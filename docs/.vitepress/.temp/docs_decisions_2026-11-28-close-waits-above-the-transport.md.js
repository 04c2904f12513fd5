import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Closing a client waits above the transport","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-close-waits-above-the-transport.md","filePath":"docs/decisions/2026-11-28-close-waits-above-the-transport.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-close-waits-above-the-transport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="closing-a-client-waits-above-the-transport" tabindex="-1">Closing a client waits above the transport <a class="header-anchor" href="#closing-a-client-waits-above-the-transport" aria-label="Permalink to &quot;Closing a client waits above the transport&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Transports see frames leave, and not their answers. Only the client knows when nothing is owed any more.</p><p><strong>Decision.</strong> <code>OpenCalls</code> has the calls without an outcome, of all verbs. When the time is up the connection closes first, then the mailbox fails the rest.</p><p><strong>Consequence.</strong> <code>sent: false</code> is known, because the sender of a frame knows that it never left.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-close-waits-above-the-transport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128CloseWaitsAboveTheTransport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128CloseWaitsAboveTheTransport as default
};
