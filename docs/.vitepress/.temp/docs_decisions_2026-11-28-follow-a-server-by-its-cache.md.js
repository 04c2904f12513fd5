import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A server is followed by its cache","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-follow-a-server-by-its-cache.md","filePath":"docs/decisions/2026-11-28-follow-a-server-by-its-cache.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-follow-a-server-by-its-cache.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-server-is-followed-by-its-cache" tabindex="-1">A server is followed by its cache <a class="header-anchor" href="#a-server-is-followed-by-its-cache" aria-label="Permalink to &quot;A server is followed by its cache&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Only <code>dbAddress</code> is known to stay. What an ending server says of itself may be over a moment later.</p><p><strong>Decision.</strong> After each break a client asks the cache for the other addresses, until the links to them are up. <code>CallLink</code> keeps its calls and changes its channels. Another name at <code>dbAddress</code> is <code>WRONG_SERVER</code>, and is asked again every second, because the server may come back.</p><p><strong>Consequence.</strong> Calls fail when their channel is left; calls that wait for the link wait on. Behind a relay addresses are names, which the relay follows, so pages never load this code.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-follow-a-server-by-its-cache.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128FollowAServerByItsCache = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128FollowAServerByItsCache as default
};
