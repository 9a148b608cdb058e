from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Group(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GROUP_UNSPECIFIED: _ClassVar[Group]
    GROUP_CORE: _ClassVar[Group]
    GROUP_DETAIL: _ClassVar[Group]
GROUP_UNSPECIFIED: Group
GROUP_CORE: Group
GROUP_DETAIL: Group

class VehicleSample(_message.Message):
    __slots__ = ("time_ms", "device_name", "sequence", "group", "vehicle_state", "speed", "odometer", "gear", "soc_displayed", "range_remaining", "longitude", "latitude", "altitude", "coordinate_system", "heading", "ambient_temperature", "alarm_level", "pack_voltage", "pack_current", "pack_power", "cell_temperature_max", "charging_state", "charge_power", "acceleration", "motor_speed", "motor_torque", "motor_power", "motor_temperature", "inverter_temperature", "accelerator_pedal", "brake_pedal", "soc_true", "state_of_health", "energy_remaining", "cell_voltage_max", "cell_voltage_min", "cell_voltage_max_index", "cell_voltage_min_index", "cell_temperature_min", "pack_temperature", "coolant_temperature", "insulation_resistance", "discharge_power_limit", "charge_power_limit", "energy_discharged", "energy_regenerated", "plug_state", "energy_charged", "minutes_to_limit", "charge_limit", "charge_current_limit", "cabin_temperature", "target_temperature", "climate_on", "hvac_power", "locked", "doors_open", "windows_open", "low_beam", "brake_light", "hazard_light", "seat_belt_driver", "tire_pressure_fl", "tire_pressure_fr", "tire_pressure_rl", "tire_pressure_rr", "satellites", "trip_distance", "trip_duration", "trip_energy", "aux_voltage", "dtc_count")
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    VEHICLE_STATE_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    ODOMETER_FIELD_NUMBER: _ClassVar[int]
    GEAR_FIELD_NUMBER: _ClassVar[int]
    SOC_DISPLAYED_FIELD_NUMBER: _ClassVar[int]
    RANGE_REMAINING_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    ALTITUDE_FIELD_NUMBER: _ClassVar[int]
    COORDINATE_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    HEADING_FIELD_NUMBER: _ClassVar[int]
    AMBIENT_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    ALARM_LEVEL_FIELD_NUMBER: _ClassVar[int]
    PACK_VOLTAGE_FIELD_NUMBER: _ClassVar[int]
    PACK_CURRENT_FIELD_NUMBER: _ClassVar[int]
    PACK_POWER_FIELD_NUMBER: _ClassVar[int]
    CELL_TEMPERATURE_MAX_FIELD_NUMBER: _ClassVar[int]
    CHARGING_STATE_FIELD_NUMBER: _ClassVar[int]
    CHARGE_POWER_FIELD_NUMBER: _ClassVar[int]
    ACCELERATION_FIELD_NUMBER: _ClassVar[int]
    MOTOR_SPEED_FIELD_NUMBER: _ClassVar[int]
    MOTOR_TORQUE_FIELD_NUMBER: _ClassVar[int]
    MOTOR_POWER_FIELD_NUMBER: _ClassVar[int]
    MOTOR_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    INVERTER_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    ACCELERATOR_PEDAL_FIELD_NUMBER: _ClassVar[int]
    BRAKE_PEDAL_FIELD_NUMBER: _ClassVar[int]
    SOC_TRUE_FIELD_NUMBER: _ClassVar[int]
    STATE_OF_HEALTH_FIELD_NUMBER: _ClassVar[int]
    ENERGY_REMAINING_FIELD_NUMBER: _ClassVar[int]
    CELL_VOLTAGE_MAX_FIELD_NUMBER: _ClassVar[int]
    CELL_VOLTAGE_MIN_FIELD_NUMBER: _ClassVar[int]
    CELL_VOLTAGE_MAX_INDEX_FIELD_NUMBER: _ClassVar[int]
    CELL_VOLTAGE_MIN_INDEX_FIELD_NUMBER: _ClassVar[int]
    CELL_TEMPERATURE_MIN_FIELD_NUMBER: _ClassVar[int]
    PACK_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    COOLANT_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    INSULATION_RESISTANCE_FIELD_NUMBER: _ClassVar[int]
    DISCHARGE_POWER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CHARGE_POWER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    ENERGY_DISCHARGED_FIELD_NUMBER: _ClassVar[int]
    ENERGY_REGENERATED_FIELD_NUMBER: _ClassVar[int]
    PLUG_STATE_FIELD_NUMBER: _ClassVar[int]
    ENERGY_CHARGED_FIELD_NUMBER: _ClassVar[int]
    MINUTES_TO_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CHARGE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CHARGE_CURRENT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CABIN_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TARGET_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    CLIMATE_ON_FIELD_NUMBER: _ClassVar[int]
    HVAC_POWER_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    DOORS_OPEN_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_OPEN_FIELD_NUMBER: _ClassVar[int]
    LOW_BEAM_FIELD_NUMBER: _ClassVar[int]
    BRAKE_LIGHT_FIELD_NUMBER: _ClassVar[int]
    HAZARD_LIGHT_FIELD_NUMBER: _ClassVar[int]
    SEAT_BELT_DRIVER_FIELD_NUMBER: _ClassVar[int]
    TIRE_PRESSURE_FL_FIELD_NUMBER: _ClassVar[int]
    TIRE_PRESSURE_FR_FIELD_NUMBER: _ClassVar[int]
    TIRE_PRESSURE_RL_FIELD_NUMBER: _ClassVar[int]
    TIRE_PRESSURE_RR_FIELD_NUMBER: _ClassVar[int]
    SATELLITES_FIELD_NUMBER: _ClassVar[int]
    TRIP_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    TRIP_DURATION_FIELD_NUMBER: _ClassVar[int]
    TRIP_ENERGY_FIELD_NUMBER: _ClassVar[int]
    AUX_VOLTAGE_FIELD_NUMBER: _ClassVar[int]
    DTC_COUNT_FIELD_NUMBER: _ClassVar[int]
    time_ms: int
    device_name: str
    sequence: int
    group: Group
    vehicle_state: int
    speed: float
    odometer: float
    gear: int
    soc_displayed: float
    range_remaining: float
    longitude: float
    latitude: float
    altitude: float
    coordinate_system: int
    heading: float
    ambient_temperature: float
    alarm_level: int
    pack_voltage: float
    pack_current: float
    pack_power: float
    cell_temperature_max: float
    charging_state: int
    charge_power: float
    acceleration: float
    motor_speed: float
    motor_torque: float
    motor_power: float
    motor_temperature: float
    inverter_temperature: float
    accelerator_pedal: float
    brake_pedal: float
    soc_true: float
    state_of_health: float
    energy_remaining: float
    cell_voltage_max: float
    cell_voltage_min: float
    cell_voltage_max_index: int
    cell_voltage_min_index: int
    cell_temperature_min: float
    pack_temperature: float
    coolant_temperature: float
    insulation_resistance: float
    discharge_power_limit: float
    charge_power_limit: float
    energy_discharged: float
    energy_regenerated: float
    plug_state: int
    energy_charged: float
    minutes_to_limit: float
    charge_limit: int
    charge_current_limit: float
    cabin_temperature: float
    target_temperature: float
    climate_on: int
    hvac_power: float
    locked: int
    doors_open: int
    windows_open: int
    low_beam: int
    brake_light: int
    hazard_light: int
    seat_belt_driver: int
    tire_pressure_fl: float
    tire_pressure_fr: float
    tire_pressure_rl: float
    tire_pressure_rr: float
    satellites: int
    trip_distance: float
    trip_duration: int
    trip_energy: float
    aux_voltage: float
    dtc_count: int
    def __init__(self, time_ms: _Optional[int] = ..., device_name: _Optional[str] = ..., sequence: _Optional[int] = ..., group: _Optional[_Union[Group, str]] = ..., vehicle_state: _Optional[int] = ..., speed: _Optional[float] = ..., odometer: _Optional[float] = ..., gear: _Optional[int] = ..., soc_displayed: _Optional[float] = ..., range_remaining: _Optional[float] = ..., longitude: _Optional[float] = ..., latitude: _Optional[float] = ..., altitude: _Optional[float] = ..., coordinate_system: _Optional[int] = ..., heading: _Optional[float] = ..., ambient_temperature: _Optional[float] = ..., alarm_level: _Optional[int] = ..., pack_voltage: _Optional[float] = ..., pack_current: _Optional[float] = ..., pack_power: _Optional[float] = ..., cell_temperature_max: _Optional[float] = ..., charging_state: _Optional[int] = ..., charge_power: _Optional[float] = ..., acceleration: _Optional[float] = ..., motor_speed: _Optional[float] = ..., motor_torque: _Optional[float] = ..., motor_power: _Optional[float] = ..., motor_temperature: _Optional[float] = ..., inverter_temperature: _Optional[float] = ..., accelerator_pedal: _Optional[float] = ..., brake_pedal: _Optional[float] = ..., soc_true: _Optional[float] = ..., state_of_health: _Optional[float] = ..., energy_remaining: _Optional[float] = ..., cell_voltage_max: _Optional[float] = ..., cell_voltage_min: _Optional[float] = ..., cell_voltage_max_index: _Optional[int] = ..., cell_voltage_min_index: _Optional[int] = ..., cell_temperature_min: _Optional[float] = ..., pack_temperature: _Optional[float] = ..., coolant_temperature: _Optional[float] = ..., insulation_resistance: _Optional[float] = ..., discharge_power_limit: _Optional[float] = ..., charge_power_limit: _Optional[float] = ..., energy_discharged: _Optional[float] = ..., energy_regenerated: _Optional[float] = ..., plug_state: _Optional[int] = ..., energy_charged: _Optional[float] = ..., minutes_to_limit: _Optional[float] = ..., charge_limit: _Optional[int] = ..., charge_current_limit: _Optional[float] = ..., cabin_temperature: _Optional[float] = ..., target_temperature: _Optional[float] = ..., climate_on: _Optional[int] = ..., hvac_power: _Optional[float] = ..., locked: _Optional[int] = ..., doors_open: _Optional[int] = ..., windows_open: _Optional[int] = ..., low_beam: _Optional[int] = ..., brake_light: _Optional[int] = ..., hazard_light: _Optional[int] = ..., seat_belt_driver: _Optional[int] = ..., tire_pressure_fl: _Optional[float] = ..., tire_pressure_fr: _Optional[float] = ..., tire_pressure_rl: _Optional[float] = ..., tire_pressure_rr: _Optional[float] = ..., satellites: _Optional[int] = ..., trip_distance: _Optional[float] = ..., trip_duration: _Optional[int] = ..., trip_energy: _Optional[float] = ..., aux_voltage: _Optional[float] = ..., dtc_count: _Optional[int] = ...) -> None: ...

class VehicleEvent(_message.Message):
    __slots__ = ("time_ms", "device_name", "sequence", "identifier", "output")
    class OutputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    time_ms: int
    device_name: str
    sequence: int
    identifier: str
    output: _containers.MessageMap[str, Value]
    def __init__(self, time_ms: _Optional[int] = ..., device_name: _Optional[str] = ..., sequence: _Optional[int] = ..., identifier: _Optional[str] = ..., output: _Optional[_Mapping[str, Value]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("integer", "number", "text")
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    integer: int
    number: float
    text: str
    def __init__(self, integer: _Optional[int] = ..., number: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...
