import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The relay needs ws 8.21.1","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-ws-8-21.md","filePath":"docs/decisions/2026-11-28-ws-8-21.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-ws-8-21.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-relay-needs-ws-8-21-1" tabindex="-1">The relay needs ws 8.21.1 <a class="header-anchor" href="#the-relay-needs-ws-8-21-1" aria-label="Permalink to &quot;The relay needs ws 8.21.1&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Before, a message in fragments of one byte was kept with all that each costs: 490 MiB for a connection. ws counts neither pongs between fragments nor that a fragment of one byte keeps the 64 KiB it came with.</p><p><strong>Decision.</strong> The relay sets <code>maxFragments</code> and <code>maxBufferedChunks</code> by the size of a message, and counts the bytes since the last whole message itself (<code>countIntake</code>).</p><p><strong>Consequence.</strong> A relay on an older ws does not start.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-ws-8-21.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128Ws821 = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128Ws821 as default
};
