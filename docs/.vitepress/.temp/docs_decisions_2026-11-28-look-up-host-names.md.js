import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"frond looks up the names of hosts","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-look-up-host-names.md","filePath":"docs/decisions/2026-11-28-look-up-host-names.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-look-up-host-names.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="frond-looks-up-the-names-of-hosts" tabindex="-1">frond looks up the names of hosts <a class="header-anchor" href="#frond-looks-up-the-names-of-hosts" aria-label="Permalink to &quot;frond looks up the names of hosts&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> libzmq looks them up in its I/O thread and takes the first address, at each attempt the same.</p><p><strong>Decision.</strong> <code>Dialler</code> looks up at each attempt, and goes on to the next address when one is not there or is another service.</p><p><strong>Consequence.</strong> Where a host has one address, libzmq dials it alone, as before.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-look-up-host-names.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128LookUpHostNames = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128LookUpHostNames as default
};
