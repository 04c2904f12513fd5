import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Nothing is granted that is not said","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-deny-unless-granted.md","filePath":"docs/decisions/2026-11-25-deny-unless-granted.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-deny-unless-granted.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="nothing-is-granted-that-is-not-said" tabindex="-1">Nothing is granted that is not said <a class="header-anchor" href="#nothing-is-granted-that-is-not-said" aria-label="Permalink to &quot;Nothing is granted that is not said&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> A list of origins does not hold off what is not a browser.</p><p><strong>Decision.</strong> <code>frond relay --server demo=…</code> alone lets nobody in, and says so. <code>--allow</code> or <code>--tokens</code> must say who may do what.</p><p><strong>Consequence.</strong> A relay cannot be opened by mistake.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-deny-unless-granted.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125DenyUnlessGranted = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125DenyUnlessGranted as default
};
