"""The PALM envelope, built at run time from field names and numbers, and which protobuf carries it.

pylm's own messages_pb2 was generated in 2017. It loads on protobuf 3.20 as it is (pure Python from Python 3.11 on)
and refuses every C implementation since. `use('upb')` gives pylm the C implementation all the same: it puts
<venv>/upb first and registers a module with the same message under the name that pylm imports. Nothing else of pylm
changes, and its job rate more than doubles.

Call `use` before the first import of google.protobuf or pylm.
"""
import os
import sys
import types

FIELDS = (
    ('pipeline', 1, 'TYPE_STRING'),
    ('client', 2, 'TYPE_STRING'),
    ('stage', 3, 'TYPE_INT64'),
    ('function', 4, 'TYPE_STRING'),
    ('cache', 5, 'TYPE_STRING'),
    ('payload', 6, 'TYPE_BYTES'),
)

MODES = ('shipped', 'upb')


def use(mode):
    """'shipped': pylm as pip installs it. 'upb': the C implementation of protobuf under pylm."""
    if mode == 'shipped':
        return
    if mode not in MODES:
        raise SystemExit('unknown protobuf mode {!r}: one of {}'.format(mode, ', '.join(MODES)))
    directory = os.path.join(sys.prefix, 'upb')
    if not os.path.isdir(os.path.join(directory, 'google', 'protobuf')):
        raise SystemExit('no protobuf in {}: make the environment with node test/interop/venv.mjs'.format(directory))
    sys.path.insert(0, directory)
    # protobuf 3.20's -nspkg.pth file has made the package `google` already, with the venv's own directory alone.
    google = sys.modules.get('google')
    if google is not None:
        google.__path__ = [os.path.join(directory, 'google'), *google.__path__]
    module = types.ModuleType('pylm.parts.messages_pb2')
    module.PalmMessage = message_class()
    sys.modules[module.__name__] = module
    if implementation() != 'upb':
        raise SystemExit('protobuf in {} runs as {!r}, not as upb'.format(directory, implementation()))


def implementation():
    """Which protobuf runs: 'python', 'cpp' or 'upb'."""
    from google.protobuf.internal import api_implementation
    return api_implementation.Type()


def message_class(fields=FIELDS):
    """The class of a PALM envelope with these fields, in a descriptor pool of its own."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    file = descriptor_pb2.FileDescriptorProto(name='frond_palm.proto', syntax='proto3')
    message = file.message_type.add(name='PalmMessage')
    for name, number, kind in fields:
        message.field.add(
            name=name, number=number,
            type=getattr(descriptor_pb2.FieldDescriptorProto, kind),
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName('PalmMessage')
    if hasattr(message_factory, 'GetMessageClass'):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)
