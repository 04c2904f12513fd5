import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"MessagePack between client and relay is frond's own","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-own-messagepack.md","filePath":"docs/decisions/2026-11-28-own-messagepack.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-28-own-messagepack.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="messagepack-between-client-and-relay-is-frond-s-own" tabindex="-1">MessagePack between client and relay is frond&#39;s own <a class="header-anchor" href="#messagepack-between-client-and-relay-is-frond-s-own" aria-label="Permalink to &quot;MessagePack between client and relay is frond&#39;s own&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> msgpackr alone is 17 kB, and a page with a client 19. It reads anything.</p><p><strong>Decision.</strong> frond reads only what a frame may hold, so nothing can be deep, large for its size, or a map. Numbers of types and codes are single constants, which bundlers put in their place.</p><p><strong>Consequence.</strong> Property tests hold it to msgpackr.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-own-messagepack.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128OwnMessagepack = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128OwnMessagepack as default
};
