import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"In Deno ZeroMQ sockets are asked again and again","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-deno-asks-again.md","filePath":"docs/decisions/2026-11-25-deno-asks-again.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-deno-asks-again.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="in-deno-zeromq-sockets-are-asked-again-and-again" tabindex="-1">In Deno ZeroMQ sockets are asked again and again <a class="header-anchor" href="#in-deno-zeromq-sockets-are-asked-again-and-again" aria-label="Permalink to &quot;In Deno ZeroMQ sockets are asked again and again&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Deno does not report twice that a ZeroMQ socket has news (denoland/deno#36317).</p><p><strong>Decision.</strong> Sockets are asked before they are read or written (<code>untilUsable</code>), and never wait inside the addon.</p><p><strong>Consequence.</strong> ZeroMQ is slower in Deno.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-deno-asks-again.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125DenoAsksAgain = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125DenoAsksAgain as default
};
