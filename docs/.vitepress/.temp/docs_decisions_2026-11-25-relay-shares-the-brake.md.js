import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"All clients of a relay share one brake","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-relay-shares-the-brake.md","filePath":"docs/decisions/2026-11-25-relay-shares-the-brake.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-relay-shares-the-brake.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="all-clients-of-a-relay-share-one-brake" tabindex="-1">All clients of a relay share one brake <a class="header-anchor" href="#all-clients-of-a-relay-share-one-brake" aria-label="Permalink to &quot;All clients of a relay share one brake&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A stock server drops results past 1,000 waiting for one subscriber, and to it the relay is one.</p><p><strong>Decision.</strong> The relay has a <code>FlowLimit</code> for each server, in front of all its clients.</p><p><strong>Consequence.</strong> See <a href="./2026-11-28-brake-for-pylm">at most 500 messages</a>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-relay-shares-the-brake.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125RelaySharesTheBrake = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125RelaySharesTheBrake as default
};
