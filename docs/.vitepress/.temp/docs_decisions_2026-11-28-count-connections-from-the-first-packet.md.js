import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"TCP connections are counted from their first packet","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-count-connections-from-the-first-packet.md","filePath":"docs/decisions/2026-11-28-count-connections-from-the-first-packet.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-count-connections-from-the-first-packet.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="tcp-connections-are-counted-from-their-first-packet" tabindex="-1">TCP connections are counted from their first packet <a class="header-anchor" href="#tcp-connections-are-counted-from-their-first-packet" aria-label="Permalink to &quot;TCP connections are counted from their first packet&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A stranger needs no request to hold a descriptor.</p><p><strong>Decision.</strong> The command counts them when they are accepted. One address never has more than half of what there is. The limit of open files is read from <code>/proc</code>, less 48 and 32 for each server.</p><p><strong>Consequence.</strong> Half-open connections cannot use up the descriptors.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-count-connections-from-the-first-packet.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128CountConnectionsFromTheFirstPacket = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128CountConnectionsFromTheFirstPacket as default
};
