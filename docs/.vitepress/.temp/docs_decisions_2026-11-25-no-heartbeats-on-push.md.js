import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"ZeroMQ heartbeats are off on PUSH and PULL","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-no-heartbeats-on-push.md","filePath":"docs/decisions/2026-11-25-no-heartbeats-on-push.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-no-heartbeats-on-push.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="zeromq-heartbeats-are-off-on-push-and-pull" tabindex="-1">ZeroMQ heartbeats are off on PUSH and PULL <a class="header-anchor" href="#zeromq-heartbeats-are-off-on-push-and-pull" aria-label="Permalink to &quot;ZeroMQ heartbeats are off on PUSH and PULL&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Slow peers are held up on purpose, and ZeroMQ reads a heartbeat behind the messages before it. It took slow peers for dead, and threw away what was on the way to them.</p><p><strong>Decision.</strong> TCP keepalive watches these links, heartbeats the others. TCP_USER_TIMEOUT is not used: Linux counts a closed window, too, so it would end links to peers that are only slow.</p><p><strong>Consequence.</strong> Keepalive says nothing while something is unconfirmed, so a link to a host that has vanished stands for a quarter of an hour. A client therefore takes the break of the link to the cache, which has heartbeats, for the sign. It dials the address for calls once more, and when nobody is there within a second, the new link takes the place of the old one.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-no-heartbeats-on-push.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125NoHeartbeatsOnPush = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125NoHeartbeatsOnPush as default
};
