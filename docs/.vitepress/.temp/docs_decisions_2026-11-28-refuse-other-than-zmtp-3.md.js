import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Only ZMTP 3 is taken","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-refuse-other-than-zmtp-3.md","filePath":"docs/decisions/2026-11-28-refuse-other-than-zmtp-3.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-refuse-other-than-zmtp-3.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="only-zmtp-3-is-taken" tabindex="-1">Only ZMTP 3 is taken <a class="header-anchor" href="#only-zmtp-3-is-taken" aria-label="Permalink to &quot;Only ZMTP 3 is taken&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> libzmq takes what does not begin with 0xff for ZMTP 1.0. So an HTTP POST, which a page of any origin may send, is a message: in Chromium one ran a function and set a key.</p><p><strong>Decision.</strong> With a <code>zapDomain</code> libzmq refuses ZMTP 1 and 2, and without a handler it asks nobody about the rest. Dialling sockets have it, too.</p><p><strong>Consequence.</strong> Web pages cannot get in. A web server at an address is a <code>PROTOCOL</code> error at once.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-refuse-other-than-zmtp-3.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128RefuseOtherThanZmtp3 = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128RefuseOtherThanZmtp3 as default
};
