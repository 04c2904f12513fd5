import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"What a client has the relay keep counts until it is gone","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-count-what-is-kept.md","filePath":"docs/decisions/2026-11-28-count-what-is-kept.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-count-what-is-kept.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="what-a-client-has-the-relay-keep-counts-until-it-is-gone" tabindex="-1">What a client has the relay keep counts until it is gone <a class="header-anchor" href="#what-a-client-has-the-relay-keep-counts-until-it-is-gone" aria-label="Permalink to &quot;What a client has the relay keep counts until it is gone&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A frame is a view of the message that it came in, so a call of 50 bytes keeps a message of 4 MiB. A stranger with a hundred connections of 2 MiB each would push out a dashboard with ten.</p><p><strong>Decision.</strong> <code>KeptMessage</code> counts the message until the last of its frames has left, also when its channel is closed or its client gone. <code>SendTurns</code> hands a transport 1 MiB for an address of a server, and has the others wait where they can still be dropped. Clients are grouped by network and identity, and the largest group gives first.</p><p><strong>Consequence.</strong> Absent sessions are bounded by the same groups.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-count-what-is-kept.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128CountWhatIsKept = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128CountWhatIsKept as default
};
