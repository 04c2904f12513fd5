import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A push channel opens as it is used","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-26-push-channel-opens-slowly.md","filePath":"docs/decisions/2026-11-26-push-channel-opens-slowly.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-26-push-channel-opens-slowly.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-push-channel-opens-as-it-is-used" tabindex="-1">A push channel opens as it is used <a class="header-anchor" href="#a-push-channel-opens-as-it-is-used" aria-label="Permalink to &quot;A push channel opens as it is used&quot;">​</a></h1><p>2026-11-26</p><p><strong>Context.</strong> With the whole window of 1 MiB at once, a thousand clients with a short job each lay all of it in the relay, where it costs more than in their own processes.</p><p><strong>Decision.</strong> A client of a relay begins another batch while less than 8 KiB are out, and each credit makes that as much more, as TCP begins.</p><p><strong>Consequence.</strong> Short jobs wait in their clients.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-26-push-channel-opens-slowly.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261126PushChannelOpensSlowly = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261126PushChannelOpensSlowly as default
};
