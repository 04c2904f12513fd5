import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"CURVE keys are decided about in a context of their own","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-curve-keys-in-an-own-context.md","filePath":"docs/decisions/2026-11-28-curve-keys-in-an-own-context.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-curve-keys-in-an-own-context.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="curve-keys-are-decided-about-in-a-context-of-their-own" tabindex="-1">CURVE keys are decided about in a context of their own <a class="header-anchor" href="#curve-keys-are-decided-about-in-a-context-of-their-own" aria-label="Permalink to &quot;CURVE keys are decided about in a context of their own&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> libzmq asks about keys at one address of its context, for all sockets in it.</p><p><strong>Decision.</strong> What a transport with <code>allow</code> binds has a context of its own, and asking is enforced: when nobody answers, nobody comes in.</p><p><strong>Consequence.</strong> Nothing else in the process is asked about. zeromq.js cannot end a context before the process ends, so there is one for a transport, not for a connection.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-curve-keys-in-an-own-context.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128CurveKeysInAnOwnContext = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128CurveKeysInAnOwnContext as default
};
