import { render } from 'preact';
import { App } from './app/app.tsx';
import { Playground } from './playground.ts';
import './styles/index.css';

const place = document.getElementById('app');
if (place === null) throw new Error('the page has no element #app');
render(<App playground={new Playground()} />, place);
