import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A note says what a resumed file holds","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-note-beside-a-resumed-file.md","filePath":"docs/decisions/2026-11-28-note-beside-a-resumed-file.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-note-beside-a-resumed-file.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-note-says-what-a-resumed-file-holds" tabindex="-1">A note says what a resumed file holds <a class="header-anchor" href="#a-note-says-what-a-resumed-file-holds" aria-label="Permalink to &quot;A note says what a resumed file holds&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Lines of plain results are lines of any file, so content cannot say whether FILE of <code>frond map --resume</code> is one.</p><p><strong>Decision.</strong> <code>FILE.frond-map</code> says it, and is on the disk before FILE has its first result. Results are appended in place. Half a line goes by a copy that is synced and renamed, when the next result is there.</p><p><strong>Consequence.</strong> A run that is killed loses half a line at most, and nothing else is ever cut.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-note-beside-a-resumed-file.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128NoteBesideAResumedFile = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128NoteBesideAResumedFile as default
};
