import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"frond/relay","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/relay/index.md","filePath":"docs/api/frond/relay/index.md"}');
const _sfc_main = { name: "docs/api/frond/relay/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="frond-relay" tabindex="-1">frond/relay <a class="header-anchor" href="#frond-relay" aria-label="Permalink to &quot;frond/relay&quot;">​</a></h1><h2 id="interfaces" tabindex="-1">Interfaces <a class="header-anchor" href="#interfaces" aria-label="Permalink to &quot;Interfaces&quot;">​</a></h2><ul><li><a href="./interfaces/Authenticate">Authenticate</a></li><li><a href="./interfaces/ConnectionInfo">ConnectionInfo</a></li><li><a href="./interfaces/Grants">Grants</a></li><li><a href="./interfaces/Relay">Relay</a></li><li><a href="./interfaces/RelayChanges">RelayChanges</a></li><li><a href="./interfaces/RelayIdentity">RelayIdentity</a></li><li><a href="./interfaces/RelayLimits">RelayLimits</a></li><li><a href="./interfaces/RelayOptions"><s>RelayOptions</s></a></li><li><a href="./interfaces/TokenFileOptions">TokenFileOptions</a></li><li><a href="./interfaces/Tokens">Tokens</a></li><li><a href="./interfaces/UpstreamTarget">UpstreamTarget</a></li></ul><h2 id="type-aliases" tabindex="-1">Type Aliases <a class="header-anchor" href="#type-aliases" aria-label="Permalink to &quot;Type Aliases&quot;">​</a></h2><ul><li><a href="./type-aliases/CacheScope">CacheScope</a></li></ul><h2 id="functions" tabindex="-1">Functions <a class="header-anchor" href="#functions" aria-label="Permalink to &quot;Functions&quot;">​</a></h2><ul><li><a href="./functions/createRelay">createRelay</a></li><li><a href="./functions/openTokenFile">openTokenFile</a></li><li><a href="./functions/readTokens">readTokens</a></li></ul><h2 id="references" tabindex="-1">References <a class="header-anchor" href="#references" aria-label="Permalink to &quot;References&quot;">​</a></h2><h3 id="target" tabindex="-1"><s>Target</s> <a class="header-anchor" href="#target" aria-label="Permalink to &quot;~~Target~~&quot;">​</a></h3><p>Renames and re-exports <a href="./interfaces/UpstreamTarget">UpstreamTarget</a></p><hr><h3 id="visitor" tabindex="-1"><s>Visitor</s> <a class="header-anchor" href="#visitor" aria-label="Permalink to &quot;~~Visitor~~&quot;">​</a></h3><p>Renames and re-exports <a href="./interfaces/ConnectionInfo">ConnectionInfo</a></p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/relay/index.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const index = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  index as default
};
