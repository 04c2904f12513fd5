import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Only the relay is strict","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-only-the-relay-is-strict.md","filePath":"docs/decisions/2026-11-28-only-the-relay-is-strict.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-only-the-relay-is-strict.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="only-the-relay-is-strict" tabindex="-1">Only the relay is strict <a class="header-anchor" href="#only-the-relay-is-strict" aria-label="Permalink to &quot;Only the relay is strict&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A later version or another implementation may write what frond&#39;s does not, and forwarders must keep fields that they do not know.</p><p><strong>Decision.</strong> Servers, workers and clients read what protobuf allows, because they judge nobody by what they read.</p><p><strong>Consequence.</strong> A worker behind a relay gives back what others wrote, such as an unknown group, and is not cut off for that. Nothing but payload and status of its result is passed on, as frond writes it.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-only-the-relay-is-strict.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128OnlyTheRelayIsStrict = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128OnlyTheRelayIsStrict as default
};
