import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The relay collects its own garbage","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-26-collect-garbage.md","filePath":"docs/decisions/2026-11-26-collect-garbage.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-26-collect-garbage.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-relay-collects-its-own-garbage" tabindex="-1">The relay collects its own garbage <a class="header-anchor" href="#the-relay-collects-its-own-garbage" aria-label="Permalink to &quot;The relay collects its own garbage&quot;">​</a></h1><p>2026-11-26</p><p><strong>Context.</strong> zeromq.js hands out memory outside of V8&#39;s heap, and V8 lets 64 MiB of it be before it looks. A relay just started grew by 66 to 80 MiB in a flood.</p><p><strong>Decision.</strong> <code>GarbageCollection</code> has V8 collect the young after each MiB that came (<code>gc({ type: &#39;minor&#39; })</code>, about 0.1 ms). Deno&#39;s <code>gc</code> is always the long one, so there nothing is forced.</p><p><strong>Consequence.</strong> The relay grows by 21 to 27 MiB, 16 of which are held for the peer, and reads faster.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-26-collect-garbage.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261126CollectGarbage = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261126CollectGarbage as default
};
