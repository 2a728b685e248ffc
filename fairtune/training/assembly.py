"""The only place that wires a training: data, net, method and teacher of a specification, put together."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from fairtune.batches import sampling
from fairtune.batches.split import DeviceSplit
from fairtune.datasets import Info
from fairtune.errors import InvalidInput, SearchFault
from fairtune.methods import Composite, Context, compose
from fairtune.models import NO_WEIGHTS, Net
from fairtune.seeding import torch_stream
from fairtune.spec import TrialSpec, digest
from fairtune.training.data import Data, check_data
from fairtune.training.device import parameter_dtype
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.loop import Teacher, Training
from fairtune.training.micro_batches import check_micro_batches
from fairtune.training.teacher import open_teacher, stand_in_teacher


def assemble(spec: TrialSpec, data: Data, *, runs: Path | None, device: torch.device) -> Training:
    """The training of a specification, ready for its first epoch.

    Args:
        spec: the trial.
        data: its splits.
        runs: folder of all runs, where the baselines live; None has an untrained net stand in for the baseline, which costs the
            same.
        device: where to compute.

    Raises:
        InvalidInput, DataError: what cannot work, and what to do.
    """
    method = compose(spec.method, spec.values)
    method.check_epochs(spec.epochs, spec.protocol)
    check_data(data, spec, method)
    train, validation = (data.on(device, parameter_dtype(spec.precision), split) for split in (data.train, data.validation))
    net = build_net(spec, data.info, device, pretrained=not method.starts_from_teacher)
    if method.starts_from_teacher:
        net.load_state_dict(_baseline_net(spec, data.info, runs, device).state_dict())
    untrained = build_net(spec, data.info, device) if method.starts_from_teacher and method.begins_anew else None
    start_method(method, net, train, spec, untrained)
    return Training(
        spec,
        net,
        method,
        train,
        validation,
        weighting=data.weighting,
        teacher=_teacher(spec, data, train, method, runs) if method.needs_teacher else None,
        class_weights=class_weights(data.info, train, balanced=method.balances(spec.dataset)),
    )


def build_net(spec: TrialSpec, info: Info, device: torch.device, *, pretrained: bool = True) -> Net:
    """A trial's net, initialised from its seed and, unless its weights are replaced anyway, from the weights it names.

    It standardises images as its weights want them, or as the dataset says where they don't.
    """
    options = dict(spec.model.options)
    weights = str(options.pop("weights", NO_WEIGHTS))
    with torch_stream(torch.device("cpu"), spec.seed, "init"):
        net = Net.load(spec.model.name).build(info.shape, len(info.classes), **options)
        net = net.to(device, parameter_dtype(spec.precision)).to(memory_format=torch.channels_last)
        if info.normalise is not None:
            net.normalise.set(info.normalise.mean, info.normalise.std)
        if pretrained:
            net.pretrain(weights)
    return net


def load_net(spec: TrialSpec, info: Info, folder: TrialFolder, device: torch.device) -> Net:
    """A trained net.

    Raises:
        InvalidInput: it has not been trained, or by a version of fairtune whose nets were others.
    """
    if not folder.has_weights():
        raise InvalidInput(f"the net {spec.id} has not been trained, or its file is torn: no whole {folder.weights}")
    return load_weights(spec, info, folder.weights, device, f"delete {folder.path} to train it anew")


def load_weights(spec: TrialSpec, info: Info, file: Path, device: torch.device, remedy: str) -> Net:
    """A net with the weights of a file.

    Args:
        spec: how it was trained.
        info: of its data.
        file: the weights.
        device: where it goes.
        remedy: what to do where they are of another net.

    Raises:
        InvalidInput: they are.
    """
    net = build_net(spec, info, device, pretrained=False)
    weights, needed = load_file(file), net.state_dict()
    if weights.keys() != needed.keys():
        raise InvalidInput(f"{file} is of another net than {spec.model.name}, or of another version of fairtune: {remedy}")
    for name, tensor in needed.items():
        if weights[name].shape != tensor.shape:
            found, wanted = ("x".join(map(str, one.shape)) for one in (weights[name], tensor))
            raise InvalidInput(
                f"{file} does not fit {spec.model.name} for {len(info.classes)} classes and inputs of {info.shape}: its {name} is "
                f"{found} and has to be {wanted}, as if it were of other classes or inputs: {remedy}"
            )
    net.load_state_dict(weights)
    return net


def start_method(method: Composite, net: Net, train: DeviceSplit, spec: TrialSpec, untrained: Net | None = None) -> None:
    """Bind a method to a trial's net and data.

    Args:
        method: the method.
        net: the net, on the device.
        train: the training split.
        spec: the trial.
        untrained: the net as it is without a baseline to start from; None where it is that.

    Raises:
        InvalidInput: the method makes no sense for them.
    """
    check_micro_batches(spec, method, net)
    first = train.batch(torch.zeros(1, dtype=torch.int64, device=train.device))
    seen = net.eval()(first.x, want_maps=method.needs_maps)
    if method.needs_maps and (seen.maps is None or seen.maps[0, 0].numel() == 1):
        names = " and ".join(name for name, part in method.parts.items() if part.needs_maps)
        raise InvalidInput(
            f"{names} compares maps position by position, but the model {spec.model.name} gives one vector for these inputs, on "
            "which the gradient is zero: use a convolutional model such as cnn, or larger images"
        )
    context = Context(
        num_classes=train.num_classes,
        num_groups=train.num_groups,
        feature_shape=tuple(seen.features.shape[1:]),
        device=train.device,
        protocol=spec.protocol,
        dtype=train.dtype,
        embedding_size=seen.embedding.shape[1],
        attribute_size=0 if train.attribute is None else train.attribute.shape[1],
        cells=train.cells,
        shares=sampling.shares(train.cells, balanced=method.balances(spec.dataset)),
        net=net,
        untrained=untrained,
        optimizer=spec.optimizer,
        shape=tuple(first.x.shape[1:]),
        epochs=spec.epochs,
    )
    with torch_stream(train.device, spec.seed, "method"):
        method.start(context)


def class_weights(info: Info, train: DeviceSplit, *, balanced: bool) -> torch.Tensor | None:
    """Effective-number weights of the classes in the task loss ``(K,)``, for the datasets that ask for them; of the classes as they
    are drawn, in batches that are ``balanced`` or not.
    """
    if info.class_balance is None:
        return None
    samples = len(train) * sampling.shares(train.cells, balanced=balanced).sum(axis=0)
    weights = sampling.effective_number_weights(samples, info.class_balance)
    return torch.from_numpy(weights).to(train.device, train.dtype)


def _teacher(spec: TrialSpec, data: Data, train: DeviceSplit, method: Composite, runs: Path | None) -> Teacher:
    net = _baseline_net(spec, data.info, runs, train.device)
    if runs is None:
        return stand_in_teacher(net, train, method, precision=spec.precision)
    assert spec.teacher is not None
    sight = [] if spec.teacher_sees is None else [spec.teacher_sees]
    seen = digest([spec.dataset.model_dump(mode="json"), spec.train_fraction, spec.precision, *sight])
    folder = baseline_folder(runs, spec.teacher).path / f"outputs-{seen}"
    instead = [data.on(train.device, train.dtype, split) for split in data.seen]
    return open_teacher(net, train, method, precision=spec.precision, folder=folder, instead=instead)


def _baseline_net(spec: TrialSpec, info: Info, runs: Path | None, device: torch.device) -> Net:
    if runs is None:
        return build_net(spec.teacher or spec, info, device, pretrained=False)
    if spec.teacher is None:
        raise InvalidInput(f"the method {spec.method} needs a teacher and the trial names none")
    try:
        return load_net(spec.teacher, info, baseline_folder(runs, spec.teacher), device)
    except InvalidInput as error:
        raise SearchFault(str(error)) from error
