import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"One puller for each server","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-one-puller-for-a-server.md","filePath":"docs/decisions/2026-11-28-one-puller-for-a-server.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-one-puller-for-a-server.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="one-puller-for-each-server" tabindex="-1">One puller for each server <a class="header-anchor" href="#one-puller-for-each-server" aria-label="Permalink to &quot;One puller for each server&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> With one for each channel of each client, eight connections of one client took 903 descriptors.</p><p><strong>Decision.</strong> <code>WorkPool</code> pulls a server&#39;s work over one link, and keeps what a client has not taken for the next worker.</p><p><strong>Consequence.</strong> To a Master that pushes, all workers behind a relay are one. Workers that ask do so as anywhere; the relay only reports that the link to one broke.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-one-puller-for-a-server.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128OnePullerForAServer = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128OnePullerForAServer as default
};
