import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Turns are of calls, not of messages","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-26-turns-are-of-calls.md","filePath":"docs/decisions/2026-11-26-turns-are-of-calls.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-26-turns-are-of-calls.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="turns-are-of-calls-not-of-messages" tabindex="-1">Turns are of calls, not of messages <a class="header-anchor" href="#turns-are-of-calls-not-of-messages" aria-label="Permalink to &quot;Turns are of calls, not of messages&quot;">​</a></h1><p>2026-11-26</p><p><strong>Context.</strong> When each message had turns of its own, a thousand jobs of a thousand calls took 13,300 deliveries.</p><p><strong>Decision.</strong> Calls that wait in the relay leave 128 together, from as many messages of their client as it takes, and places on the way to a server are given for whole batches.</p><p><strong>Consequence.</strong> The same takes 11,500 deliveries. Turns of 256 were tried: the clients then hold more than is saved.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-26-turns-are-of-calls.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261126TurnsAreOfCalls = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261126TurnsAreOfCalls as default
};
