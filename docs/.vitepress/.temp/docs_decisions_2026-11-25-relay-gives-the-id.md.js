import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The connection settles the id","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-relay-gives-the-id.md","filePath":"docs/decisions/2026-11-25-relay-gives-the-id.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-relay-gives-the-id.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-connection-settles-the-id" tabindex="-1">The connection settles the id <a class="header-anchor" href="#the-connection-settles-the-id" aria-label="Permalink to &quot;The connection settles the id&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Rewriting ids in the relay would have it encode every envelope twice.</p><p><strong>Decision.</strong> <code>identify</code> settles the id before anything is sent: the one wished for, or the relay&#39;s.</p><p><strong>Consequence.</strong> After a lost session the relay assigns another one, and subscriptions follow.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-relay-gives-the-id.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125RelayGivesTheId = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125RelayGivesTheId as default
};
