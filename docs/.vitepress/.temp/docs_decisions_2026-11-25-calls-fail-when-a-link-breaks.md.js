import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Calls fail at once when a link breaks","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-calls-fail-when-a-link-breaks.md","filePath":"docs/decisions/2026-11-25-calls-fail-when-a-link-breaks.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-calls-fail-when-a-link-breaks.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="calls-fail-at-once-when-a-link-breaks" tabindex="-1">Calls fail at once when a link breaks <a class="header-anchor" href="#calls-fail-at-once-when-a-link-breaks" aria-label="Permalink to &quot;Calls fail at once when a link breaks&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> ZeroMQ would keep queued messages and send them later. A call that has failed must not run later.</p><p><strong>Decision.</strong> Sockets that send queue only for peers that are there (<code>immediate</code>), and what waits in this process is given up. Sockets that receive are without <code>immediate</code>, because it throws away what came and is not read: the last answers of a server that closes.</p><p><strong>Consequence.</strong> When only the link that calls are pushed on breaks, answers may still come for 250 ms, because the end of one link overtakes what travels on the other.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-calls-fail-when-a-link-breaks.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125CallsFailWhenALinkBreaks = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125CallsFailWhenALinkBreaks as default
};
